/* SPDX-License-Identifier: Apache-2.0 */
/* Cluster: Flink's own cluster in one process, with jobs that sum numbers for ever, for weir's command line to ask.
 *
 *   java Cluster DIRECTORY JOBS      prints "REST URL" when they run
 */
import org.apache.flink.api.common.JobStatus;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.runtime.jobgraph.JobGraph;
import org.apache.flink.runtime.minicluster.MiniCluster;
import org.apache.flink.runtime.minicluster.MiniClusterConfiguration;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.DiscardingSink;
import org.apache.flink.streaming.api.functions.source.SourceFunction;
import org.apache.flink.streaming.api.graph.StreamGraph;

public class Cluster {
    public static class Numbers implements SourceFunction<Long> {
        private volatile boolean runs = true;

        @Override
        public void run(SourceContext<Long> out) throws Exception {
            for (long number = 0; runs; number++) {
                synchronized (out.getCheckpointLock()) {
                    out.collect(number);
                }
                Thread.sleep(1);
            }
        }

        @Override
        public void cancel() {
            runs = false;
        }
    }

    private static JobGraph sums(Configuration configuration, String name) {
        StreamExecutionEnvironment environment = StreamExecutionEnvironment.getExecutionEnvironment(configuration);
        environment.setParallelism(2);
        environment
                .addSource(new Numbers())
                .keyBy(number -> number % 10)
                .reduce((one, other) -> one + other)
                .addSink(new DiscardingSink<>());
        StreamGraph graph = environment.getStreamGraph();
        graph.setJobName(name);
        return graph.getJobGraph();
    }

    public static void main(String[] arguments) throws Exception {
        Configuration configuration = new Configuration();
        configuration.setString("rest.port", "0");
        configuration.setString("rest.bind-port", "0");
        configuration.setString("rest.address", "localhost");
        configuration.setString("execution.checkpointing.savepoint-dir", "file://" + arguments[0] + "/savepoints");
        configuration.setString("execution.checkpointing.interval", "1 h");
        MiniCluster cluster =
                new MiniCluster(
                        new MiniClusterConfiguration.Builder()
                                .setConfiguration(configuration)
                                .setNumTaskManagers(1)
                                .setNumSlotsPerTaskManager(8)
                                .build());
        cluster.start();
        for (int i = 0; i < Integer.parseInt(arguments[1]); i++) {
            JobGraph graph = sums(configuration, "sums " + i);
            cluster.submitJob(graph).get();
            while (cluster.getJobStatus(graph.getJobID()).get() != JobStatus.RUNNING
                    || cluster.getExecutionGraph(graph.getJobID()).get().getState() != JobStatus.RUNNING) {
                Thread.sleep(50);
            }
        }
        System.out.println("REST " + cluster.getRestAddress().get());
        Thread.sleep(Long.MAX_VALUE);
    }
}
