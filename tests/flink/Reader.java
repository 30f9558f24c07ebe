// SPDX-License-Identifier: Apache-2.0
// Reader: asks a running job for everything that is read, and has each answer taken apart by Flink's own classes, as
// strictly as its clients do: a field too many, one of another type or an unknown word ends it.
//
// java Reader.java URL        with Flink's client on the class path

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import org.apache.flink.runtime.messages.webmonitor.JobIdsWithStatusOverview;
import org.apache.flink.runtime.messages.webmonitor.JobStatusInfo;
import org.apache.flink.runtime.messages.webmonitor.MultipleJobsDetails;
import org.apache.flink.runtime.rest.handler.legacy.messages.ClusterOverviewWithVersion;
import org.apache.flink.runtime.rest.messages.ConfigurationInfo;
import org.apache.flink.runtime.rest.messages.DashboardConfiguration;
import org.apache.flink.runtime.rest.messages.JobAccumulatorsInfo;
import org.apache.flink.runtime.rest.messages.JobConfigInfo;
import org.apache.flink.runtime.rest.messages.JobExceptionsInfoWithHistory;
import org.apache.flink.runtime.rest.messages.JobPlanInfo;
import org.apache.flink.runtime.rest.messages.JobVertexAccumulatorsInfo;
import org.apache.flink.runtime.rest.messages.JobVertexBackPressureInfo;
import org.apache.flink.runtime.rest.messages.JobVertexDetailsInfo;
import org.apache.flink.runtime.rest.messages.SubtasksTimesInfo;
import org.apache.flink.runtime.rest.messages.checkpoints.CheckpointConfigInfo;
import org.apache.flink.runtime.rest.messages.checkpoints.CheckpointStatistics;
import org.apache.flink.runtime.rest.messages.checkpoints.CheckpointingStatistics;
import org.apache.flink.runtime.rest.messages.checkpoints.TaskCheckpointStatisticsWithSubtaskDetails;
import org.apache.flink.runtime.rest.messages.job.JobDetailsInfo;
import org.apache.flink.runtime.rest.messages.job.JobExecutionResultResponseBody;
import org.apache.flink.runtime.rest.messages.job.metrics.MetricCollectionResponseBody;
import org.apache.flink.runtime.rest.util.RestMapperUtils;

public class Reader {
    private static final HttpClient client = HttpClient.newHttpClient();
    private static String url;

    private static <T> T read(String path, Class<T> type) throws Exception {
        HttpRequest request = HttpRequest.newBuilder(URI.create(url + "/v1" + path)).build();
        HttpResponse<String> answer = client.send(request, HttpResponse.BodyHandlers.ofString());
        if (answer.statusCode() != 200) {
            throw new Exception(path + ": " + answer.statusCode() + " " + answer.body());
        }
        T value;
        try {
            value = RestMapperUtils.getStrictObjectMapper().readValue(answer.body(), type);
        } catch (Exception e) {
            throw new Exception(path + ": " + e.getMessage() + " in " + answer.body());
        }
        System.out.println("read " + path + " as " + type.getSimpleName());
        return value;
    }

    public static void main(String[] arguments) throws Exception {
        url = arguments[0];
        read("/config", DashboardConfiguration.class);
        read("/overview", ClusterOverviewWithVersion.class);
        read("/jobs", JobIdsWithStatusOverview.class);
        read("/jobmanager/config", ConfigurationInfo.class);
        MultipleJobsDetails jobs = read("/jobs/overview", MultipleJobsDetails.class);
        String job = "/jobs/" + jobs.getJobs().iterator().next().getJobId();
        JobDetailsInfo details = read(job, JobDetailsInfo.class);
        read(job + "/status", JobStatusInfo.class);
        read(job + "/config", JobConfigInfo.class);
        read(job + "/exceptions", JobExceptionsInfoWithHistory.class);
        read(job + "/plan", JobPlanInfo.class);
        read(job + "/metrics", MetricCollectionResponseBody.class);
        read(job + "/metrics?get=uptime,numRestarts", MetricCollectionResponseBody.class);
        read(job + "/execution-result", JobExecutionResultResponseBody.class);
        read(job + "/accumulators", JobAccumulatorsInfo.class);
        read(job + "/checkpoints/config", CheckpointConfigInfo.class);
        CheckpointingStatistics checkpoints = read(job + "/checkpoints", CheckpointingStatistics.class);
        for (JobDetailsInfo.JobVertexDetailsInfo one : details.getJobVertexInfos()) {
            String vertex = job + "/vertices/" + one.getJobVertexID();
            read(vertex, JobVertexDetailsInfo.class);
            read(vertex + "/metrics", MetricCollectionResponseBody.class);
            read(vertex + "/backpressure", JobVertexBackPressureInfo.class);
            read(vertex + "/watermarks", MetricCollectionResponseBody.class);
            read(vertex + "/subtasktimes", SubtasksTimesInfo.class);
            read(vertex + "/accumulators", JobVertexAccumulatorsInfo.class);
        }
        for (CheckpointStatistics one : checkpoints.getHistory()) {
            String checkpoint = job + "/checkpoints/details/" + one.getId();
            read(checkpoint, CheckpointStatistics.class);
            for (JobDetailsInfo.JobVertexDetailsInfo vertex : details.getJobVertexInfos()) {
                read(checkpoint + "/subtasks/" + vertex.getJobVertexID(),
                        TaskCheckpointStatisticsWithSubtaskDetails.class);
            }
        }
    }
}
